"""What `import tagcast` offers: a project as one class with frames, figures and results, composed of what lies behind it."""
