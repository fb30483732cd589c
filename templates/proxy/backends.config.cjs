/** How pm2 runs the two back ends: on the ports 5000 and 5001. */
module.exports = {
  apps: [
    {
      name: '{name}-backend',
      script: 'start-backend.js',
      cwd: __dirname,
      instances: 2,
      exec_mode: 'fork',
      increment_var: 'PORT',
      env: { PORT: 5000 },
    },
  ],
};
