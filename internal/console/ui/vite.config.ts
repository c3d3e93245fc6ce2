import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Development: `npm run dev` beside a server on 127.0.0.1:8080.
const server = 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
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
