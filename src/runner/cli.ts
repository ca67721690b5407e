#!/usr/bin/env node
/** Is this Node new enough? Nothing else may be loaded before the answer: it might not even parse. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isUsable = major === 24 ? minor >= 16 : major === 26 ? minor >= 1 : major > 26

if (isUsable) {
  const { main } = await import('./main.ts')
  process.exitCode = await main(process.argv.slice(2))
} else {
  process.stderr.write(
    `ztm-chat needs Node 24.16 or newer (not 25), and this is ${process.versions.node}; install a newer one from https://nodejs.org, or start it with npx in the project's folder.\n`,
  )
  process.exitCode = 1
}
