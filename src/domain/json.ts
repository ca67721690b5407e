/** What JSON.parse can give, and JSON.stringify keeps. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }
