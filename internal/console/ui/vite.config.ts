import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// Development: `npm run dev` beside a server on 127.0.0.1:8080.
const server = 'http://127.0.0.1:8080'

// packed writes a .br beside each script and style sheet, at the best level, which
// takes too long for the server to do.
const packed: Plugin = {
  name: 'packed',
  apply: 'build',
  writeBundle({ dir }) {
    const assets = join(dir!, 'assets')
    for (const name of readdirSync(assets)) {
      if (/\.(js|css)$/.test(name)) writeFileSync(join(assets, name + '.br'), brotliCompressSync(readFileSync(join(assets, name))))
    }
  },
}

export default defineConfig({
  plugins: [react(), packed],
  html: { cspNonce: '__NONCE__' },
  build: {
    outDir: 'dist/app',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { '/api': server, '/v1': server } },
})
