/** `Firefox on Linux` out of what a browser says of itself; the first words of it when unknown. */
export function deviceOf(agent: string): string {
  const browser = [
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\//, "Firefox"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ].find(([sign]) => (sign as RegExp).test(agent))?.[1] as string | undefined;
  const system = [
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/Linux/, "Linux"],
  ].find(([sign]) => (sign as RegExp).test(agent))?.[1] as string | undefined;
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? (agent.slice(0, 40) || "Unknown");
}
