import { writeFileSync } from 'node:fs'

// animate plays the journey on a page and writes it as an SVG that moves by itself: its
// frames are pictures, shown one after another.
export async function animate(page, file, frames = 12) {
  const picture = page.locator('section.card svg[role=group]').first()
  const shots = []
  let clip
  const shoot = async () => shots.push((await page.screenshot({ type: 'jpeg', quality: 50, clip })).toString('base64'))
  await page.getByRole('button', { name: 'Play the journey' }).click()
  await page.getByRole('button', { name: 'Pause the journey' }).click()
  const head = page.getByRole('slider', { name: 'As of when' }).first()
  const box = await picture.boundingBox()
  clip = { x: Math.floor(box.x), y: Math.floor(box.y), width: Math.ceil(box.width), height: Math.ceil(box.height) }
  for (let i = 0; i < frames - 1; i++) {
    await head.fill(String(Math.round((990 * (i + 0.5)) / (frames - 1))))
    await shoot()
  }
  await head.fill('1000')
  await head.waitFor({ state: 'detached' })
  await shoot()
  const seconds = 0.8 * (shots.length - 1) + 3 // the last one stays longer
  const share = (n) => ((80 * n) / seconds).toFixed(2)
  const images = shots.map((s, i) => `<image id="f${i}" width="${clip.width}" height="${clip.height}" href="data:image/jpeg;base64,${s}"/>`).join('\n')
  const rules = shots.map((_, i) => {
    const from = share(i), to = i === shots.length - 1 ? '100' : share(i + 1)
    return `#f${i}{animation:k${i} ${seconds}s step-end infinite}@keyframes k${i}{${i ? '0%{visibility:hidden}' : '0%{visibility:visible}'}${i ? `${from}%{visibility:visible}` : ''}${to === '100' ? '' : `${to}%{visibility:hidden}`}}`
  }).join('')
  writeFileSync(file, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${clip.width} ${clip.height}" width="${clip.width}" height="${clip.height}"><style>${rules}@media(prefers-reduced-motion:reduce){image{animation:none!important}}</style>\n${images}\n</svg>\n`)
}
