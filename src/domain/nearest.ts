/** Did you mean: which of the names that there are may have been meant by one that there is not. */
import { distance } from 'fastest-levenshtein'

const folded = (name: string): string => name.normalize('NFKC').toLowerCase()

/** Of a name's letters, so many may be wrong or missing for it to be meant. */
const SLIPS_MAX = 0.4
/** More would be a list, and no hint. */
const NEAREST_MAX = 3

/** The nearest first. Names are compared exactly, so one that differs in its capitals is pointed out, and never taken for the one that was meant. */
export function nearest<Name extends string>(input: string, known: Iterable<Name>): readonly Name[] {
  return [...known]
    .map(name => ({ name, steps: distance(folded(name), folded(input)) }))
    .filter(({ steps }) => steps <= Math.max(1, Math.floor(input.length * SLIPS_MAX)))
    .sort((one, other) => one.steps - other.steps || (one.name < other.name ? -1 : 1))
    .slice(0, NEAREST_MAX)
    .map(({ name }) => name)
}
