export { nearest } from "@weft/simulator/nearest";
