import { staticSteps, unitTestStep } from './check-steps.ts';
import { runSteps } from './steps.ts';

/** `npm run check`: everything that can be known without starting a container. Names given as arguments choose steps. */

const allSteps = [...staticSteps(), unitTestStep()];
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !allSteps.some((step) => step.name === name));
if (unknown.length > 0) {
  process.stderr.write(`check: no step "${unknown[0]}"; there are: ${allSteps.map((step) => step.name).join(', ')}\n`);
  process.exit(2);
}
const steps = allSteps.filter((step) => chosen.length === 0 || chosen.includes(step.name));
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
const failed = await runSteps(steps, 2, interrupted.signal);
process.stdout.write(failed.length === 0 ? `check: ${steps.length} passed\n` : `check: failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
