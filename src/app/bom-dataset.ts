import type { Dataset } from '../data/registry/registry.ts';
import type { BomDataset } from '../models/registry/bom.ts';

/** A dataset as a bill of materials names it. */
export function bomDataset(dataset: Dataset | undefined): BomDataset | undefined {
  return (
    dataset && {
      id: dataset.id,
      name: dataset.id,
      root: dataset.root,
      owner: dataset.author,
      state: dataset.state,
    }
  );
}
