import type { Weight } from './contract.ts';
import { judgeGlobal } from './pickle/globals.ts';

/** Packages whose classes a Hydra or NeMo configuration builds. */
const builders =
  /^(?:nemo|nemo_text_processing|torch\.(?:nn|optim)|torchvision\.(?:models|transforms)|torchaudio\.(?:models|transforms)|torchmetrics|pytorch_lightning|lightning|transformers\.(?:models|optimization)|timm\.(?:models|optim)|diffusers\.(?:models|schedulers)|omegaconf|megatron|ldm|sgm|apex\.optimizers)\.[\w.]+$/;

/** Judges `_target_` of Hydra: the dotted name that is imported and called with the values beside it. */
export function judgeTarget(
  target: string,
  report: (
    rule: string,
    weight: Weight & ('suspicious' | 'malicious'),
    evidence: string,
    why: string,
  ) => void,
): void {
  const at = target.lastIndexOf('.');
  const module = at < 0 ? 'builtins' : target.slice(0, at);
  const name = target.slice(at + 1);
  const { standing } = judgeGlobal(module, name);
  if (standing === 'dangerous')
    report('target-dangerous', 'malicious', target, 'the loader imports and calls this (Hydra `_target_`)');
  else if (!builders.test(target) || !/^[A-Z_]*[A-Z]\w*$/.test(name))
    report(
      'target-unknown',
      'suspicious',
      target,
      'the loader imports and calls a name that is not known to build parts of models',
    );
}
