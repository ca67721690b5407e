/** What OpenClaw takes as a tool policy: `allow` only these; `deny` wins over it. Names may be groups (`group:messaging`). */
export type ToolPolicy = { readonly allow?: readonly string[]; readonly deny?: readonly string[] }
