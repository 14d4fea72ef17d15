export interface Item {
  id: string;
  folder: string;
  capability: string;
}
export function itemsOf(kind: 'control' | 'probe' | 'threat' | 'template' | 'scanner'): Item[];
export function registries(): [path: string, content: string][];
export const root: string;
