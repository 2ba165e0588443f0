// Jobs from a program in any language: it writes rows of JSON, and reads what became of each, as it ends.
// Here what fails is tried with half the size. --work: this host runs jobs too; others may join.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const words = ['serve', '-', '--as', 'jsonl', '--template', 'test {size} -lt 3', '--outcomes', '--work', '--quiet'];
const serve = spawn('shareout', [...words, ...process.argv.slice(2)], { stdio: ['pipe', 'pipe', 'inherit'] });
let left = 0;
const give = (row) => { left += 1; serve.stdin.write(JSON.stringify(row) + '\n'); };

for (const size of [1, 2, 9]) give({ size });
for await (const line of createInterface({ input: serve.stdout })) {
  const { job, given, state } = JSON.parse(line);
  console.log(job, given.size, state);
  if (state === 'failed') give({ size: Math.floor(given.size / 2) });
  if (--left === 0) serve.stdin.end();
}
