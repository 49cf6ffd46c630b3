import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

export type Theme = "system" | "light" | "dark";
/** How near to each other the rows of tables stand. */
export type Density = "compact" | "comfortable";

const KEY = "theme"; // the script in index.html reads it before the first paint
const DENSITY_KEY = "density";
const DARK = "(prefers-color-scheme: dark)";

interface Value {
  /** What was chosen. */
  theme: Theme;
  /** What is shown. */
  shown: "light" | "dark";
  choose: (theme: Theme) => void;
  density: Density;
  chooseDensity: (density: Density) => void;
}

const Context = createContext<Value | null>(null);

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is closed to us
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is closed to us: it holds for this page.
  }
}

function stored(): Theme {
  const value = read(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

const storedDensity = (): Density => (read(DENSITY_KEY) === "comfortable" ? "comfortable" : "compact");

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useState(stored);
  const [density, setDensity] = useState(storedDensity);
  const [systemDark, setSystemDark] = useState(() => matchMedia(DARK).matches);
  const shown = theme === "system" ? (systemDark ? "dark" : "light") : theme;

  useEffect(() => {
    const media = matchMedia(DARK);
    const changed = () => setSystemDark(media.matches);
    const elsewhere = (event: StorageEvent) => {
      if (event.key === KEY) setTheme(stored());
      if (event.key === DENSITY_KEY) setDensity(storedDensity());
    };
    media.addEventListener("change", changed);
    addEventListener("storage", elsewhere);
    return () => {
      media.removeEventListener("change", changed);
      removeEventListener("storage", elsewhere);
    };
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = shown;
  }, [shown]);
  useEffect(() => {
    document.documentElement.dataset.density = density;
  }, [density]);

  const choose = useCallback((next: Theme) => {
    setTheme(next);
    write(KEY, next);
  }, []);
  const chooseDensity = useCallback((next: Density) => {
    setDensity(next);
    write(DENSITY_KEY, next);
  }, []);
  const value = useMemo(
    () => ({ theme, shown, choose, density, chooseDensity }),
    [theme, shown, choose, density, chooseDensity],
  );
  return <Context value={value}>{children}</Context>;
}

export function useTheme(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("no ThemeProvider above");
  return value;
}
