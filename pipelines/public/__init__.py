"""What `import tagcast` offers: functions on an open project, each composed of what lies behind it."""
