import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// Addresses are relative, so that the page also works below a path of a reverse proxy.
export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/nearsight/server/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // map.js is beside the command that writes it into a page of its own.
  server: { fs: { allow: [".."] }, proxy: { "/api": process.env.NEARSIGHT_API ?? "http://127.0.0.1:8765" } },
});
