import { useParams } from '@tanstack/react-router'

// useSpace is the space of the page's address.
export function useSpace(): string {
  return useParams({ strict: false }).space ?? ''
}
