import type { AnyStateMachine } from 'xstate'

/** The chart as Stately Studio imports it. What is a function (first context, parameters) stays in machines/; `createMachine` of the rest gives the same graph. */
export const configJson = (machine: AnyStateMachine): string => `${JSON.stringify(machine.config, null, 2)}\n`
