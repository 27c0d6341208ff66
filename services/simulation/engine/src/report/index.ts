export { renderStudyPage, type StudyPageOptions } from "./study-page.ts";
