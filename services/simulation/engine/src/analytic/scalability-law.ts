/**
 * The Universal Scalability Law (Gunther, "Guerrilla Capacity Planning", 2007): what a system completes at load N is
 *
 *     X(N) = γN ÷ (1 + α(N − 1) + βN(N − 1))
 *
 * γ is what one of the load gets done alone, α the share of the work that only one can do at a time (contention), and β what
 * it costs that everybody has to agree with everybody (coherency). With β the throughput has a peak and falls after it; without,
 * it nears γ ÷ α (Amdahl 1967); without both it grows for ever. The load is whatever was raised: users, threads, nodes.
 */
export interface ScalabilityLaw {
  /** Contention and coherency, from 0. */
  readonly alpha: number;
  readonly beta: number;
  /** Throughput at load 1, in the unit of the measurements. */
  readonly gamma: number;
}

/** By parameter, in the order in which vectors have them. */
export type Gradient = readonly [alpha: number, beta: number, gamma: number];

export function throughputAt({ alpha, beta, gamma }: ScalabilityLaw, load: number): number {
  return (gamma * load) / slowdown(alpha, beta, load);
}

/** How the throughput at this load changes with each parameter. */
export function throughputGradient({ alpha, beta, gamma }: ScalabilityLaw, load: number): Gradient {
  const slow = slowdown(alpha, beta, load);
  const byContention = (-gamma * load * (load - 1)) / slow ** 2;
  return [byContention, byContention * load, load / slow];
}

/** The load at which the throughput is highest; infinite where it never falls, 0 where it falls from the start. */
export function peakLoad({ alpha, beta }: ScalabilityLaw): number {
  if (alpha >= 1) return 0;
  return beta > 0 ? Math.sqrt((1 - alpha) / beta) : Infinity;
}

/** What the throughput does not exceed at any load from 1; infinite when nothing holds it back. */
export function highestThroughput(law: ScalabilityLaw): number {
  if (law.alpha >= 1) return law.gamma;
  if (law.beta > 0) return throughputAt(law, peakLoad(law));
  return law.alpha > 0 ? law.gamma / law.alpha : Infinity;
}

/** How many times longer each takes than alone. */
function slowdown(alpha: number, beta: number, load: number): number {
  return 1 + alpha * (load - 1) + beta * load * (load - 1);
}
