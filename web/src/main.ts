import "./style.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { store } from "./lib/store.svelte";

mount(App, { target: document.getElementById("page")! });
void store.start();
