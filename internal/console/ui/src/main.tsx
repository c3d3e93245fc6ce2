import '@fontsource-variable/inter/wght.css'
import './mantine'
import './styles.css'
import { MantineProvider } from '@mantine/core'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api/client'
import { MaskProvider } from './parts/mask'
import { router } from './router'
import { theme, variables } from './theme'

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
setNonce(nonce) // for react-remove-scroll, which dialogs use

const onError = (error: unknown) => {
  if (error instanceof ApiError && error.status === 401) queries.setQueryData(['session'], false)
}
const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (n, e) => n < 2 && e instanceof ApiError && (e.status === 503 || e.status === 0),
    },
  },
})

createRoot(document.getElementById('root')!).render(
  <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
    <QueryClientProvider client={queries}>
      <MaskProvider>
        <RouterProvider router={router} />
      </MaskProvider>
    </QueryClientProvider>
  </MantineProvider>,
)
