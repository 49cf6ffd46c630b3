export function Logo({ className }: { className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      className={className}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      <path d="M3 13.5c0 2.5 3.1 4 7 4s7-1.5 7-4c0-1-.5-1.8-1.3-2.5" />
      <path d="M3 13.5h14" />
      <path d="M10 13.5c-3-1.5-3.5-4-1.5-5.7C10.3 6.3 11 5 9.8 2.5c3 1 4.7 3.5 3.4 6-.6 1.2-1 2-.4 2.8" />
    </svg>
  );
}
