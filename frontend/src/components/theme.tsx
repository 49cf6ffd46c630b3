import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "theme"; // the script in index.html reads it before the first paint
const DARK = "(prefers-color-scheme: dark)";

interface Value {
  /** What was chosen. */
  theme: Theme;
  /** What is shown. */
  shown: "light" | "dark";
  choose: (theme: Theme) => void;
}

const Context = createContext<Value | null>(null);

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // storage is closed to us
  }
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useState(stored);
  const [systemDark, setSystemDark] = useState(() => matchMedia(DARK).matches);
  const shown = theme === "system" ? (systemDark ? "dark" : "light") : theme;

  useEffect(() => {
    const media = matchMedia(DARK);
    const changed = () => setSystemDark(media.matches);
    const elsewhere = (event: StorageEvent) => {
      if (event.key === KEY) setTheme(stored());
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

  const choose = useCallback((next: Theme) => {
    setTheme(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Storage is closed to us: it holds for this page.
    }
  }, []);
  const value = useMemo(() => ({ theme, shown, choose }), [theme, shown, choose]);
  return <Context value={value}>{children}</Context>;
}

export function useTheme(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("no ThemeProvider above");
  return value;
}
