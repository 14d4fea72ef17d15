// Kind `oms`, OpenSSF Model Signing: a row is a model with its signature, or a bundle alone; it passes when the product's
// answer is the expected one. Certificates are judged at the time of the run.
import { join } from 'node:path';

/** @param {string} dist folder of the built product */
export async function oms(dist) {
  const { judgeSigningVector } = await import(join(dist, 'manifest/vectors.js'));
  return (row) => judgeSigningVector(row, Date.now());
}
