const BARS = '▁▂▃▄▅▆▇█'

/** One line from zero to the largest value, oldest first. */
export function plotOf(title: string, values: readonly number[]): string {
  const most = Math.max(...values)
  const bars = values.map(value => BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))]).join('')
  return `${bars} ${title}, 0 to ${most.toFixed(0)}`
}
