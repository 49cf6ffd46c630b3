import { Button } from "@/components/ui/button";

/** Until the cut-over the server's own page signs people in. */
export function LoginPage() {
  return (
    <main className="grid min-h-dvh place-items-center">
      <h1 className="sr-only">Sign in</h1>
      <Button asChild look="primary" size="lg">
        <a href="/login/?next=/app/">Sign in</a>
      </Button>
    </main>
  );
}
