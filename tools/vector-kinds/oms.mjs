// OpenSSF Model Signing: a row is a model with its signature, or a bundle alone; it passes when the product's answer is
// the expected one. Certificates are judged at the time of the run.
import { join } from 'node:path';
import { root } from '../shared.mjs';

export async function oms() {
  const { judgeSigningVector } = await import(join(root, 'dist/manifest/vectors.js'));
  return (row) => judgeSigningVector(row, Date.now());
}
