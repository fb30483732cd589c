import { defineOnUpgrade } from 'gopush';
import { visitorOf } from '../lib/visitor.js';

export default defineOnUpgrade(visitorOf);
