export { renderBoundaryPage } from "./boundary-page.ts";
export { type CapacityPageOptions, renderCapacityPage } from "./capacity-page.ts";
export { type ChaosPageOptions, renderChaosPage } from "./chaos-page.ts";
export { type ComparisonPageOptions, renderComparisonPage } from "./comparison-page.ts";
export { renderExplanationPage } from "./explanation-page.ts";
export { renderScalabilityPage } from "./scalability-page.ts";
export { renderStudyPage, type StudyPageOptions } from "./study-page.ts";
export { renderSweepPage } from "./sweep-page.ts";
