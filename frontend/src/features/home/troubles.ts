import type { Status } from "@/api/system";

const LONG_QUEUE = 100;

/** What is wrong with the instance, in words; nothing when all is well. */
export function troubles(status: Status): string[] {
  const found = Object.entries(status.checks)
    .filter(([, state]) => state !== "ok")
    .map(([name, state]) => `${name}: ${state}`);
  if (status.storage.state === "low") found.push("The disk is getting full: free some space.");
  if (status.storage.state === "critical") found.push("The disk is full: new runs wait.");
  if (status.storage.state === "away") found.push("The data directory cannot be read.");
  for (const [queue, waiting] of Object.entries(status.queues))
    if ((waiting ?? 0) > LONG_QUEUE)
      found.push(`${waiting} messages wait in the queue ${queue}: is a worker running for it?`);
  return found;
}
