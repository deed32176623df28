import { EngineError } from '@gantry/base';

/** What Docker's error text calls the allowed characters. */
const allowedCharacters = '[a-zA-Z0-9][a-zA-Z0-9_.-]';

/** The calm and sturdy half of a made-up name. */
const adjectives =
  'able agile amber ample ashen autumn balanced bold brave breezy bright brisk broad bronze calm candid careful cedar cheerful civil clear clever coastal copper cosy crisp curious daring dawn deft diligent dusty eager early earnest easy even fabled fair faithful fearless fine firm fleet fluent fond forest frank fresh frosty gentle gifted glad golden graceful grand granite green handy happy hardy harvest hazel hearty helpful honest humble idle inland iron ivory jolly jovial keen kind lasting level light linen lively lofty loyal lucid lucky lunar maple marble mellow merry mild misty modest mossy native neat nimble noble northern oaken open orderly patient pearly placid plain pleasant plucky polar polite prime prompt proper proud quiet quick ready rested robust rosy rustic sandy serene sharp shiny silent silver simple sincere smooth snowy sober solar solid sound southern spry stable stately steady still stout sturdy sunny sure swift tender thrifty tidal tidy timely tranquil trim trusty upbeat upright valiant vast velvet vivid warm wary western whole wise witty woven zesty';

/** People who built cranes, bridges, ships, locks and lighthouses, or the mathematics under them. */
const builders =
  'ammann appold arkwright armstrong baker bazalgette bell belidor besson boulton bouch brindley brunel brunelleschi calatrava candela cayley clapeyron clegg cort cubitt culmann darby derrick dischinger dyckerhoff eads eiffel ellet fairbairn finley finsterwalder fowler freyssinet galle gauthey gerber goethals gresley grubenmann hassler hennebique heron hodgkinson hooke huntsman inglis jessop kennard khan kranz lacey lamb latrobe leonhardt lesseps lin lindenthal locke maillart marconi maudslay menn modjeski morandi mylne nasmyth navier nervi newcomen otis palladio palmer papin pasley paxton perronet polonceau pont prony rankine rennie ritter roberts robinson roebling rondelet schlaich semple shukhov smeaton sommeiller stephenson stevenson strauss sturm suyematsu telford torroja trautwine trevithick vauban vicat vignoles vitruvius voisin watt wernwag whipple whitworth wyatt wren young';

const adjectiveList = adjectives.split(' ');
const builderList = builders.split(' ');

/**
 * Makes up a container name, such as `steady_brunel`.
 *
 * @param random a number in [0, 1), like Math.random
 * @param attempt 0 at first; a digit is appended from 1 on, so that a full house still finds a free name
 */
export function generateName(random: () => number, attempt: number): string {
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? '';
  const name = `${pick(adjectiveList)}_${pick(builderList)}`;
  return attempt === 0 ? name : `${name}${Math.floor(random() * 10)}`;
}

/**
 * Checks a name that a user gave and drops its leading slash.
 *
 * @throws invalid with Docker's text
 */
export function parseContainerName(text: string): string {
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
    throw new EngineError('invalid', `Invalid container name (${text}), only ${allowedCharacters} are allowed`);
  return name;
}

/** Docker's refusal of a name that is taken; clients show it as it is. */
export function nameConflict(name: string, holderId: string): EngineError {
  return new EngineError(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${holderId}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}
