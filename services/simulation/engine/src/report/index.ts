export { type CapacityPageOptions, renderCapacityPage } from "./capacity-page.ts";
export { type ComparisonPageOptions, renderComparisonPage } from "./comparison-page.ts";
export { renderStudyPage, type StudyPageOptions } from "./study-page.ts";
export { renderSweepPage } from "./sweep-page.ts";
