// Where shared data lies: the one place that reads MERLON_SHARED.
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');
export const shared = resolve(root, process.env.MERLON_SHARED ?? '../shared');
