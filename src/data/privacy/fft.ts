/** In-place complex Fourier transform of a power-of-two length. `inverse` leaves out the division by the length. */
export function fourier(re: Float64Array, im: Float64Array, inverse = false): void {
  const size = re.length;
  for (let from = 1, to = 0; from < size; from++) {
    let bit = size >> 1;
    for (; to & bit; bit >>= 1) to ^= bit;
    to ^= bit;
    if (from < to) {
      [re[from], re[to]] = [re[to]!, re[from]!];
      [im[from], im[to]] = [im[to]!, im[from]!];
    }
  }
  const half = size >> 1;
  const cos = new Float64Array(half);
  const sin = new Float64Array(half);
  for (let index = 0; index < half; index++) {
    const angle = ((inverse ? 2 : -2) * Math.PI * index) / size;
    cos[index] = Math.cos(angle);
    sin[index] = Math.sin(angle);
  }
  for (let width = 2; width <= size; width <<= 1) {
    const middle = width >> 1;
    const stride = size / width;
    for (let start = 0; start < size; start += width) {
      for (let offset = 0; offset < middle; offset++) {
        const low = start + offset;
        const high = low + middle;
        const c = cos[offset * stride]!;
        const s = sin[offset * stride]!;
        const x = re[high]! * c - im[high]! * s;
        const y = re[high]! * s + im[high]! * c;
        re[high] = re[low]! - x;
        im[high] = im[low]! - y;
        re[low] = re[low]! + x;
        im[low] = im[low]! + y;
      }
    }
  }
}
