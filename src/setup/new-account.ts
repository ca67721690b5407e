import type { Prompter } from './prompter.ts'

/** The id of an account that is to be made, in lower case; `known` are those that there are. */
export const newAccount = async (prompter: Prompter, known: readonly string[]): Promise<string> =>
  (
    await prompter.text({
      message: 'Id of the new account',
      placeholder: 'work',
      validate: value =>
        !/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(value.trim())
          ? 'Expected 1 to 64 of a–z, 0–9, "_" and "-", the first a letter or a digit.'
          : known.includes(value.trim().toLowerCase())
            ? `There is an account "${value.trim()}" already.`
            : undefined,
    })
  )
    .trim()
    .toLowerCase()
