import 'uplot/dist/uPlot.min.css';
import './style/style.css';
import { render } from 'preact';
import { App } from './app.tsx';

render(<App />, document.getElementById('app') as HTMLElement);
