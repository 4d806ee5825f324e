// The API as a Worker of its own.

import api from "../../../src/api";

export default api;
