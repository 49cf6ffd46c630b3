import { clsx, type ClassValue } from "clsx";
import { extendTailwindMerge } from "tailwind-merge";

/** Our type scale and radii; without them `text-xs` would push out `text-muted`. */
const merge = extendTailwindMerge({
  extend: {
    theme: {
      text: ["xs", "sm", "base", "prose", "lg", "xl", "2xl", "code"],
      radius: ["control", "card", "dialog", "full"],
    },
  },
});

/** Class names as one text; of two that set the same thing the later wins. */
export const cn = (...classes: ClassValue[]): string => merge(clsx(classes));
