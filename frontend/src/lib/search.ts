// What stands in an address. Loaded before the first page, so the small form of zod.

import * as z from "zod/mini";

/** Left out, and not there when it is not what it should be: old links still open. */
export const optional = <Schema extends z.ZodMiniType>(schema: Schema) =>
  z.catch(z.optional(schema), undefined);
