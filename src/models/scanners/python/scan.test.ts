import { expect, test } from 'vitest';
import { scanBytes } from '../testing.ts';

const verdictOf = (text: string, name = 'modeling.py'): string => scanBytes(Buffer.from(text), name).verdict;

test('lets ordinary modelling code pass', () => {
  expect(
    verdictOf(
      'import os\nimport torch\nfrom torch import nn\n\nclass Model(nn.Module):\n    """Calls nothing: os.system("x")."""\n    def forward(self, x):\n        self.eval()\n        return torch.relu(x)\n\nif __name__ == "__main__":\n    os.system("ls")\n',
    ),
  ).toBe('suspicious');
  expect(
    verdictOf(
      'import torch\n\nclass Model:\n    def forward(self, x):\n        self.model.eval()\n        return x\n',
    ),
  ).toBe('clean');
});

test.each([
  'import os\nos.system("x")\n',
  'import subprocess as s\ns.Popen(["x"])\n',
  'from os import system as s\ns("x")\n',
  'class A:\n    import os\n    os.popen("x")\n',
  'exec("print(1)")\n',
  'try:\n    __import__("os").system("x")\nexcept Exception:\n    pass\n',
  'import urllib.request\nurllib.request.urlopen("http://x.test")\n',
])('calls what runs at import malicious: %j', (code) => {
  expect(verdictOf(code)).toBe('malicious');
});

test('calls what functions can do suspicious', () => {
  expect(verdictOf('import subprocess\n\ndef build():\n    subprocess.run(["make"])\n')).toBe('suspicious');
});

test('does not judge examples in documentation', () => {
  expect(
    verdictOf('# Model\n\n```python\nimport requests\nrequests.get("http://x.test")\n```\n', 'README.md'),
  ).toBe('clean');
});
