// Opens a page in Chromium, waits until it says that it is done, leaves it, and
// reports what the browser complained about.
// node browser.mjs CHROMIUM URL
import { chromium } from 'playwright-core'

const [executablePath, address] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})
const problems = []
const requests = []
let anonymousId
try {
  const page = await browser.newPage()
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') problems.push(`${m.type()}: ${m.text()}`)
  })
  page.on('pageerror', (e) => problems.push(String(e)))
  // A request whose answer was there is called failed all the same when the page
  // goes away before anyone read its body.
  const answered = new Set()
  page.on('requestfailed', (r) => {
    if (!answered.has(r)) problems.push(`${r.method()} ${r.url()}: ${r.failure()?.errorText}`)
  })
  page.on('response', (r) => {
    answered.add(r.request())
    requests.push(`${r.request().method()} ${new URL(r.url()).pathname} ${r.status()}`)
    if (r.status() >= 400) problems.push(`${r.status()} from ${r.url()}`)
  })
  await page.goto(address)
  await page.waitForFunction(() => window.story?.done || window.story?.failed, null, { timeout: 20_000 })
  const story = await page.evaluate(() => window.story)
  if (story.failed) problems.push(story.failed)
  anonymousId = story.anonymousId
  // What is still in the SDK's hands goes out while the page goes away.
  await page.evaluate(() => window.lastWords())
  await page.goto(new URL('/goodbye.html', address).href)
  await page.waitForTimeout(500)
} finally {
  await browser.close()
}
console.log(JSON.stringify({ anonymousId, problems, requests }))
