/** How a kind of component is called and drawn. Icons are outlines in a square of 14 by 14. */

const kinds: Readonly<Record<string, { readonly name: string; readonly icon: string }>> = {
  client: {
    name: "client",
    icon: "M7 1.5a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0 -5.6M1.5 13c.5-3.2 2.6-4.6 5.5-4.6s5 1.4 5.5 4.6",
  },
  load_balancer: { name: "load balancer", icon: "M1 7h4M5 7l4-4.5h3.5M5 7h7.5M5 7l4 4.5h3.5" },
  service: { name: "service", icon: "M7 1l5.5 3v6l-5.5 3l-5.5-3v-6zM1.5 4l5.5 3l5.5-3M7 7v6" },
  cache: { name: "cache", icon: "M8 1l-5.5 7.5h4l-.5 4.5l5.5-7.5h-4z" },
  database: {
    name: "database",
    icon: "M2 3.2c0-2.6 10-2.6 10 0v7.6c0 2.6-10 2.6-10 0zM2 3.2c0 2.6 10 2.6 10 0M2 7c0 2.6 10 2.6 10 0",
  },
  queue: { name: "queue", icon: "M1 3.5h12v7h-12zM4 3.5v7M7 3.5v7M10 3.5v7" },
  external: { name: "external", icon: "M6 2.5h-4.5v10h10v-4.5M8.5 1.5h4v4M12.5 1.5l-6 6" },
};

const unknown = "M2 2h10v10h-10z";

export function kindName(kind: string): string {
  return kinds[kind]?.name ?? kind.replaceAll("_", " ");
}

export function kindIcon(kind: string): string {
  return kinds[kind]?.icon ?? unknown;
}
