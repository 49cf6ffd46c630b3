import { memo } from "react";
import Markdown, { type Components } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";

import { cn } from "@/lib/cn";

import { visible } from "./ansi";

function host(address: string): string {
  try {
    return new URL(address).host;
  } catch {
    return "";
  }
}

// An agent's text is not to be trusted: no HTML, no pictures from elsewhere, and a link says where it goes.
const COMPONENTS: Components = {
  a: ({ href = "", children }) =>
    /^https?:\/\//.test(href) ? (
      <a href={href} target="_blank" rel="noopener noreferrer" className="text-accent underline underline-offset-2">
        {children}
        <span className="text-muted"> ({host(href)})</span>
      </a>
    ) : (
      <span>{children}</span>
    ),
  img: ({ alt }) => <span className="text-muted">[picture: {alt || "without a description"}]</span>,
  input: ({ checked }) => <span aria-label={checked ? "done" : "open"}>{checked ? "☑ " : "☐ "}</span>,
  h1: ({ children }) => <p className="mt-3 mb-1 text-lg font-semibold">{children}</p>,
  h2: ({ children }) => <p className="mt-3 mb-1 text-lg font-semibold">{children}</p>,
  h3: ({ children }) => <p className="mt-2 mb-1 font-semibold">{children}</p>,
  h4: ({ children }) => <p className="mt-2 mb-1 font-semibold">{children}</p>,
  h5: ({ children }) => <p className="mt-2 mb-1 font-semibold">{children}</p>,
  h6: ({ children }) => <p className="mt-2 mb-1 font-semibold">{children}</p>,
  p: ({ children }) => <p className="my-1.5">{children}</p>,
  ul: ({ children }) => <ul className="my-1.5 list-disc pl-5">{children}</ul>,
  ol: ({ children, start }) => <ol start={start} className="my-1.5 list-decimal pl-5">{children}</ol>,
  blockquote: ({ children }) => <blockquote className="my-2 border-l-2 border-border-strong pl-3 text-muted">{children}</blockquote>,
  hr: () => <hr className="my-3" />,
  pre: ({ children }) => (
    <pre className="my-1.5 overflow-x-auto rounded-control bg-sunken p-2.5 font-mono text-code [&_code]:bg-transparent [&_code]:p-0">{children}</pre>
  ),
  code: ({ children }) => <code className="rounded-[4px] bg-sunken px-1 font-mono text-code break-words">{children}</code>,
  table: ({ children }) => (
    <div className="my-2 overflow-x-auto"><table className="border-collapse text-sm">{children}</table></div>
  ),
  th: ({ children }) => <th className="border px-2 py-1 text-left font-medium">{children}</th>,
  td: ({ children }) => <td className="border px-2 py-1 align-top">{children}</td>,
};

/** Markdown of an agent. Nothing in it runs, loads or changes the page. */
export const SafeMarkdown = memo(function SafeMarkdown({ text, className }: { text: string; className?: string }) {
  return (
    <div className={cn("max-w-[72ch] text-prose break-words", className)}>
      <Markdown remarkPlugins={[remarkGfm]} rehypePlugins={[rehypeSanitize]} components={COMPONENTS}>
        {visible(text)}
      </Markdown>
    </div>
  );
});
