import { defineScanner, type Role } from '../contract.ts';
import { scanPickles, torchMagic } from '../pickle/streams.ts';
import { isTorchArchive } from '../zip/kinds.ts';
import { scanArchive } from '../zip/entries.ts';

/** `torch.load` before 1.6 reads five pickles: magic, protocol, system, object, storage keys; raw storages follow. */
const legacyStreams = 5;

export const scanner = defineScanner({
  id: 'torch',
  title: 'PyTorch checkpoint or TorchScript archive',

  recognise(source) {
    if (source.read(0, torchMagic.length).equals(torchMagic)) return 'magic';
    return isTorchArchive(source) ? 'magic' : undefined;
  },

  scan(source, context) {
    if (source.read(0, torchMagic.length).equals(torchMagic)) {
      scanPickles(source, 0, context, { torch: true, streams: legacyStreams });
      return;
    }
    scanArchive(source, context, ({ name }) => roleOf(name));
  },
});

function roleOf(name: string): Role {
  if (
    /(?:^|\/)(?:data|tensors|constants|weights|xl_model_weights|sharded_weights)\/(?:\d+|weight_\d+|tensor_\d+)$/.test(
      name,
    )
  )
    return 'tensor';
  if (/(?:^|\/)code\/.*\.py$/.test(name)) return 'torchscript-code';
  if (/\.(?:pkl|debug_pkl)$/.test(name)) return 'torch-pickle';
  return 'file';
}
