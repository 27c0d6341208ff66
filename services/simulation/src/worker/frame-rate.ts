/** Frames per wall second: the most that a run shows, and what it shows unless told otherwise. As often as screens draw. */
export const mostFramesPerSecond = 60;
