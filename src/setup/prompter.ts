/** Who asks the questions of a setup: OpenClaw's wizard, or a terminal. A question that is not answered rejects. */
export interface Prompter {
  note(message: string, title?: string): Promise<void>
  /** `validate` gives what is wrong with a text, and the question is asked again. */
  text(question: {
    message: string
    initialValue?: string
    placeholder?: string
    validate?: (value: string) => string | undefined
  }): Promise<string>
  select<Value>(question: {
    message: string
    options: { value: Value; label: string; hint?: string }[]
    initialValue?: Value
  }): Promise<Value>
  confirm(question: { message: string; initialValue?: boolean }): Promise<boolean>
  progress(label: string): { stop(message?: string): void }
}
