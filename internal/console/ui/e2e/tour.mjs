// Goes through the console in Chromium as people do, and reports what is wrong.
// node e2e/tour.mjs CHROMIUM URL ADMIN_TOKEN WRITE_KEY [SCREENSHOTS]
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { animate } from './animate.mjs'

const [executablePath, base, token, writeKey, shots] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const problems = []
const steps = []
let expected = [] // answers that a step wants to be refused

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, timezoneId: 'Europe/Berlin', locale: 'en-GB', reducedMotion: 'reduce' })
context.setDefaultTimeout(60_000)
const page = await context.newPage()
await page.addInitScript(() => {
  document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} refuses ${e.blockedURI}`))
})
page.on('console', (m) => {
  if (m.type() !== 'error' && m.type() !== 'warning') return
  if (expected.some((e) => m.text().includes(e))) return
  problems.push(`${m.type()} on ${new URL(page.url()).pathname}: ${m.text()}`)
})
page.on('pageerror', (e) => problems.push(`error on ${new URL(page.url()).pathname}: ${e.stack ?? e}`))
page.on('request', (r) => {
  if (!r.url().startsWith(base) && !r.url().startsWith('data:')) problems.push(`a request to the outside: ${r.url()}`)
})

async function step(name, f) {
  const began = Date.now()
  try {
    await f()
  } catch (e) {
    throw new Error(`${name}: ${e.stack ?? e}\n${(await page.locator('body').innerText().catch(() => '')).slice(0, 1500)}`)
  }
  steps.push(`${name}: ${Date.now() - began} ms`)
}

async function check(name) {
  await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running' || a.effect?.getTiming().iterations === Infinity))
  await page.evaluate(axe)
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  for (const v of found.violations) {
    if (v.impact === 'serious' || v.impact === 'critical') problems.push(`axe on ${name}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`)
  }
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (over > 0) problems.push(`${name} is ${over} px wider than the window`)
}

const shown = { person: ['light'], journey: ['light', 'dark'], why: ['light'], audience: ['dark'] } // in the documentation

async function shot(name) {
  for (const scheme of (shots && shown[name]) || []) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    await page.waitForTimeout(350)
    await page.screenshot({ path: `${shots}/${name}-${scheme}.jpg`, type: 'jpeg', quality: 62 })
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
}

const go = async (path) => {
  await page.goto(base + path)
  await page.locator('h1').first().waitFor()
}
const send = async (path, body, key = writeKey) => {
  const r = await fetch(base + path, { method: 'POST', headers: { Authorization: 'Basic ' + btoa(key + ':'), 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  return r.status
}
const button = (name) => page.getByRole('button', { name })

try {
  await step('sign in', async () => {
    const network = await context.newCDPSession(page)
    await network.send('Network.enable')
    let bytes = 0
    const of = new Map() // the path of each request, and what it took
    network.on('Network.requestWillBeSent', (e) => of.set(e.requestId, { path: new URL(e.request.url).pathname, bytes: 0 }))
    network.on('Network.loadingFinished', (e) => {
      bytes += e.encodedDataLength
      if (of.has(e.requestId)) of.get(e.requestId).bytes = e.encodedDataLength
    })
    await page.goto(base + '/')
    await check('signing in')
    expected = ['401']
    await page.getByLabel('Admin token').fill('wrong')
    await button('Sign in').click()
    await page.getByText('This is not the admin token.').waitFor()
    await page.getByLabel('Admin token').fill(token)
    await button('Sign in').click()
    await page.getByRole('heading', { name: 'Who are you looking for?' }).waitFor()
    expected = []
    await page.waitForLoadState('networkidle')
    await network.detach()
    steps.push(`first load: ${Math.round(bytes / 1000)} kB`)
    if (bytes > 300_000) {
      const largest = [...of.values()].sort((a, b) => b.bytes - a.bytes).slice(0, 20).map((r) => `${r.path} ${r.bytes}`)
      problems.push(`the first load has ${bytes} bytes: ${largest.join(', ')}`)
    }
    const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href]))
    if (stored.includes(token)) problems.push('the token is where scripts can read it')
    await check('home')
    await shot('home')
  })
  await step('find Jane by name', async () => {
    await page.getByRole('combobox', { name: 'Find a person' }).fill('Jane Do')
    await page.getByRole('option', { name: 'Jane Doe' }).first().waitFor()
    await shot('search')
    await page.getByRole('option', { name: 'Jane Doe' }).first().click()
    await page.getByRole('heading', { name: 'Jane Doe' }).waitFor()
    await page.getByText('12 × Workout Com').first().waitFor({ state: 'attached' })
    await check('a person')
    await shot('journey')
  })
  await step('read and play the journey', async () => {
    await page.getByText('The journey as a table').click()
    await page.getByRole('cell', { name: '12 × Workout Completed' }).waitFor()
    await page.getByText('The journey as a table').click()
    await page.evaluate(() => {
      window.said = []
      const look = () => window.said.push(document.querySelector('[role=status][aria-live]')?.textContent ?? '')
      new MutationObserver(look).observe(document.querySelector('[role=status][aria-live]'), { subtree: true, childList: true, characterData: true })
    })
    await button('Play the journey').click()
    await button('Pause the journey').waitFor()
    await button('Play the journey').waitFor({ timeout: 120_000 }) // it has ended
    const said = await page.evaluate(() => window.said.join('\n'))
    for (const words of ['It seemed to be 1 person.', 'It seemed to be 2 people.']) if (!said.includes(words)) problems.push(`the journey played without “${words}”`)
  })
  if (shots) {
    await page.setViewportSize({ width: 760, height: 1000 })
    await animate(page, `${shots}/journey.svg`)
    await page.setViewportSize({ width: 1280, height: 860 })
  }
  for (const tab of ['Traits', 'Events', 'Identities', 'Sent', 'Accounts', 'Graph']) {
    await step(`a person's ${tab}`, async () => {
      await page.getByRole('tab', { name: tab }).click()
      await page.waitForLoadState('networkidle')
      await check(tab)
    })
  }
  await step('explain', async () => {
    await button('Why are these one person?').first().click()
    await page.getByRole('link', { name: 'See why, or undo it' }).click()
    await page.getByText('Yes, one person').waitFor()
    await page.getByText('had both').first().waitFor()
    await check('why')
    await shot('why')
  })
  await step('cut, and undo', async () => {
    await go('/spaces/dev/why?a=email:janedoe@example.com&b=anonymous_id:anon_123')
    await button('They are different people…').click()
    await page.getByText('Then: 2 profiles').waitFor()
    await page.getByLabel('Why?').fill('a shared phone')
    await check('a decision')
    await shot('decision')
    await button('Decide so').click()
    await page.getByText('Done. It holds from now on').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
    await page.getByText('No, not one person').waitFor()
    await page.getByRole('link', { name: 'Decisions' }).click()
    await page.getByText('“a shared phone”').waitFor()
    await check('decisions')
    await button('Take back…').click()
    await button('Take it back').click()
    await page.getByText('Taken back.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
    await page.getByText('Nobody has decided anything').waitFor()
  })
  await step('simulate a rule', async () => {
    await page.getByRole('link', { name: 'Rules' }).click()
    await page.getByRole('combobox', { name: 'Values of anonymous_id that identify nobody' }).fill('anon_123')
    await page.keyboard.press('Enter')
    await check('rules')
    await shot('rules')
    await page.getByRole('tab', { name: 'What if' }).click()
    await button('What if?').click()
    await page.getByText('stay as they are').first().waitFor()
    await page.getByText('Who would change').first().waitFor()
    await check('what if')
    await shot('whatif')
  })
  await step('see a live event arrive', async () => {
    await page.getByRole('link', { name: 'Live events' }).click()
    await page.getByRole('heading', { name: 'Live events' }).waitFor()
    const status = await send('/v1/track', { anonymousId: 'anon_live', event: 'Arrived Just Now' })
    if (status !== 200) problems.push(`the live event: ${status}`)
    await page.getByText('Arrived Just Now').click()
    await page.getByText('To the person it belongs to').first().waitFor()
    await check('live events')
    await shot('live')
  })
  await step('mend a refused message and send it again', async () => {
    await send('/v1/track', { userId: 'u-mended' })
    await button(/Mend and send again/).first().click()
    const body = page.getByLabel('The message')
    await body.waitFor()
    await page.waitForFunction(() => document.querySelector('[role=dialog] textarea')?.value.includes('u-mended'))
    await body.fill(JSON.stringify({ type: 'track', event: 'Mended', userId: 'u-mended' }))
    await page.getByRole('button', { name: 'Send again', exact: true }).click()
    await page.getByText('It is taken').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
    await page.getByText('Mended', { exact: true }).waitFor()
    await go('/spaces/dev/refused')
    await check('refused messages')
  })
  await step('add a source and rotate its key', async () => {
    await page.getByRole('link', { name: 'Sources' }).click()
    await button('Add a source').click()
    await page.getByLabel('Name').fill('Tour shop')
    await button('Add it').click()
    const secret = page.getByRole('dialog').locator('pre').first()
    await secret.waitFor()
    const first = await secret.innerText()
    await check('a new key')
    await button('I have it').click()
    if ((await send('/v1/track', { userId: 'u1', event: 'Hello' }, first)) !== 200) problems.push('the new key is refused')
    await button('New key…').click()
    await page.getByRole('combobox', { name: /The present key is taken/ }).click()
    await page.getByRole('option', { name: 'no longer' }).click()
    await button('Make a new key').click()
    await button('I have it').waitFor()
    const second = await secret.innerText()
    await button('I have it').click()
    if ((await send('/v1/track', { userId: 'u1', event: 'Hello' }, first)) !== 401) problems.push('the former key is taken')
    if ((await send('/v1/track', { userId: 'u1', event: 'Hello' }, second)) !== 200) problems.push('the rotated key is refused')
    await check('sources')
    await shot('sources')
  })
  await step('build the abandoned-cart audience', async () => {
    const choose = async (label, option) => {
      await page.getByRole('dialog').getByRole('combobox', { name: label }).first().click()
      await page.getByRole('option', { name: option }).first().click()
    }
    const type = (label, text) => page.getByRole('dialog').getByRole('combobox', { name: label }).first().fill(text)
    const apply = async () => {
      await button('Go on…').click()
      await page.getByRole('dialog').getByText('New', { exact: true }).waitFor()
      await button('Apply').click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await page.getByRole('link', { name: 'Audiences' }).click()
    expected = ['400'] // what is half typed is checked too
    await button('New computed trait').click()
    await page.getByRole('dialog').getByLabel('Name').fill('Cart left')
    await choose('What it is', 'Values without a counterpart')
    await type('Of which event', 'Product Added')
    await type('Of which property', 'properties.product_id')
    await type('Until which event', 'Order Completed')
    await type('In which of its properties', 'properties.products[].product_id')
    await page.getByRole('dialog').getByLabel('Name').click()
    await page.locator('button:not([disabled])', { hasText: 'Go on…' }).waitFor()
    await check('a trait being built')
    await apply()
    await button('New audience').click()
    await page.getByRole('dialog').getByLabel('Name').fill('Abandoned cart')
    await choose('What the condition is about', 'Cart left')
    await choose('Whether', 'has values')
    await page.getByText('would be in it now').waitFor()
    await check('an audience being built')
    await shot('audience')
    await apply()
    expected = []
    await page.getByRole('button', { name: /^\d.*Abandoned cart/ }).waitFor()
    await go('/spaces/dev/users/user_id:abc123def?tab=graph')
    await page.getByText('What is known now').waitFor()
    await page.getByText('In no audience').waitFor() // she bought it on the other phone
    await page.getByRole('button', { name: /^In Abandoned cart from .* to / }).click()
    await page.getByText('In “Abandoned cart”').first().waitFor()
    await shot('person')
  })
  await step('click a line of the graph', async () => {
    await page.getByText('What was seen together, as a list').click()
    await page.getByRole('row', { name: /anon_123.*ios_abc123/ }).first().getByRole('button').click()
    await page.getByText('7 events had all of these').waitFor()
    await page.getByText('ShoeA Clicked').last().waitFor()
    await check('a line of the graph')
    await shot('graph')
  })
  await step('see her not get the mail', async () => {
    const dialog = page.getByRole('dialog')
    await page.getByRole('link', { name: 'Destinations' }).click()
    await button('Add a destination').first().click()
    await dialog.getByRole('combobox', { name: 'Kind' }).click()
    await page.getByRole('option', { name: 'Mails through your own server' }).click()
    for (const [label, text] of [['Name', 'Cart mails'], ['Mail server', 'smtp://mail.example.com'], ['From', 'Shop <shop@example.com>'], ['To whoever enters', 'abandoned_cart'], ['Subject', 'Still thinking about it?'], ['Text', 'Hello']]) {
      await dialog.getByRole('textbox', { name: label }).first().fill(text)
    }
    await check('a destination being added')
    await button('Go on…').click()
    await dialog.getByText('New destinations').waitFor()
    await button('Apply').click()
    await dialog.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /Cart mails/ }).first().click()
    await dialog.getByText('What it would say').waitFor()
    await dialog.getByRole('button', { name: 'Mail', exact: true }).first().waitFor() // others would get it
    if ((await dialog.innerText()).includes('janedoe')) problems.push('she would get the mail about a cart that she bought')
    await check('whom a destination would tell')
    await page.keyboard.press('Escape')
    await go('/spaces/dev/users/user_id:abc123def?tab=sent')
    await page.getByText('Nothing was sent').waitFor()
  })
  for (const [path, name] of [['insights', 'What happened'], ['warnings', 'Warnings'], ['audit', 'Audit'], ['settings', 'Settings'], ['duplicates', 'Possible duplicates'], ['audiences', 'Audiences'], ['destinations', 'Destinations']]) {
    await step(name, async () => {
      await go(`/spaces/dev/${path}`)
      await page.waitForLoadState('networkidle')
      if ((await page.locator('h1').first().innerText()) === 'There is no such page') throw new Error('there is no such page')
      await check(name)
    })
  }
  await step('make a space and delete it', async () => {
    await go('/spaces/dev/settings')
    await page.getByLabel('A new space').fill('tour')
    await page.getByLabel('A new space').press('Enter')
    const row = page.getByRole('row', { name: /^tour tour/ })
    await row.getByRole('button', { name: 'Delete…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('With it go 0 profiles').waitFor()
    if (await dialog.getByRole('button', { name: 'Delete it' }).isEnabled()) problems.push('a space is deleted by one click')
    await check('a space to be deleted')
    await dialog.getByLabel('Type tour to delete it').fill('tour')
    await dialog.getByRole('button', { name: 'Delete it' }).click()
    await row.waitFor({ state: 'detached' })
  })
  await step('hide personal data', async () => {
    await go('/')
    await button('Hide personal data').first().click()
    await page.getByRole('combobox', { name: 'Find a person' }).fill('janedoe@')
    await page.getByRole('option').first().waitFor()
    const text = await page.getByRole('listbox', { name: 'People found' }).innerText()
    if (/Jane|Doe|janedoe|abc123def/.test(text)) problems.push(`personal data is shown: ${text}`)
    await button('Hide personal data').first().click()
  })
  await step('phone and dark', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    for (const path of ['/', '/spaces/dev/users/user_id:abc123def', '/spaces/dev/why?a=anonymous_id:anon_123&b=anonymous_id:anon_789', '/spaces/dev/rules', '/spaces/dev/sources', '/spaces/dev/live', '/spaces/dev/refused', '/spaces/dev/insights', '/spaces/dev/warnings', '/spaces/dev/settings', '/spaces/dev/audiences', '/spaces/dev/destinations']) {
      await go(path)
      await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'))
      await check(`${path} on a phone in the dark`)
      if (shots && path.includes('user_id:')) await page.screenshot({ path: `${shots}/phone-dark.jpg`, type: 'jpeg', quality: 72 })
    }
    await button('Open the menu').click()
    await page.getByRole('link', { name: 'Home' }).waitFor()
    await page.setViewportSize({ width: 1280, height: 860 })
  })
  await step('sign out', async () => {
    await button('Your menu').click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByLabel('Admin token').waitFor()
    const answer = await page.evaluate(() => fetch('/api/session').then((r) => r.json()))
    if (answer.signed_in) problems.push('still signed in')
  })
} catch (e) {
  problems.push(String(e.message ?? e))
} finally {
  await browser.close()
}
console.log(JSON.stringify({ problems, steps }))
