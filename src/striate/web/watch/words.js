// Numbers and names as a person reads them.

const SPACE = "\u00a0";
/** @type {Record<string, string>} */
const TITLES = { lr: "Learning rate", images_per_second: "Pictures a second" };

/**
 * A number in four digits at most.
 * @param {number | null | undefined} value
 * @param {string} [unit] "%" of shares
 */
export function number(value, unit = "") {
  if (value === null || value === undefined) return "–";
  if (unit === "%") return `${(100 * value).toFixed(1)}${SPACE}%`;
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return size && size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

/**
 * Hours, minutes and seconds, the two largest.
 * @param {number} seconds
 */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours}${SPACE}h ${minutes}${SPACE}min`;
  return minutes ? `${minutes}${SPACE}min ${whole % 60}${SPACE}s` : `${whole}${SPACE}s`;
}

/**
 * What a name of metrics.jsonl is called.
 * @param {string} name
 * @param {Record<string, {title: string}>} figures
 */
export function title(name, figures) {
  const words = name.replaceAll("_", " ");
  return figures[name]?.title ?? TITLES[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}
