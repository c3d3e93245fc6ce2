// Runs the console's snippets for curl and Node, and prints which ran.
// node snippets.mjs DIRECTORY HOST WRITE_KEY
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const [dir, host, key] = process.argv.slice(2)
const { snippets } = await import(`./${dir}/snippets.mjs`)
const ran = []
for (const s of snippets) {
  const text = s.text(host, key)
  if (s.name === 'curl') execFileSync('sh', ['-c', text.replace('curl ', 'curl --fail-with-body --silent --show-error ')], { stdio: ['ignore', 'ignore', 'inherit'] })
  else if (s.name === 'Node') {
    writeFileSync(`./${dir}/node.mjs`, text)
    execFileSync(process.execPath, [`./${dir}/node.mjs`], { stdio: ['ignore', 'ignore', 'inherit'] })
  } else continue
  ran.push(s.name)
}
console.log(JSON.stringify(ran))
