/** What a notification may be about, in words: `docs/notifications.md`. */
export const KINDS: Record<string, string> = {
  "run.failed": "Run failed",
  "run.approval": "Run waits for a decision",
  "run.parked": "Run waits for money, a provider or the storage",
  "run.storage": "Run waits for the disk",
  "budget.soft": "Budget nearly used up",
  "budget.hard": "Budget used up",
  "provider.key_invalid": "Provider refuses its key",
  "agent.quota": "Agent’s disk is full",
  "storage.low": "Disk nearly full",
  "storage.away": "Data directory away",
  "account.new_device": "Sign-in from a new device",
  "account.refresh_reuse": "Stolen sign-in ended",
  "account.recovery_code": "Recovery code used",
  "account.second_factor": "Second factor changed",
  "account.password": "Password changed",
  "account.key": "Key made",
  "account.waitlist": "Somebody asks to be let in",
  "secret.expires": "Secret ends soon",
  "secret.rotation_due": "Secret should be changed",
  announcement: "Announcement",
  "notification.undelivered": "Notifications do not arrive",
  "notification.test": "Test",
};

/** Patterns that rules may name: groups first, then single kinds. */
export const PATTERNS: Record<string, string> = {
  "*": "Everything",
  "run.*": "All about runs",
  "budget.*": "All about budgets",
  "account.*": "All about your account",
  "secret.*": "All about secrets",
  ...KINDS,
};

/** A pattern in words; as it stands when it is none of ours. */
export const patternWord = (pattern: string): string => PATTERNS[pattern] ?? pattern;
