import { place, type ToPlace } from './place'

self.onmessage = (e: MessageEvent<ToPlace>) => self.postMessage(place(e.data))
