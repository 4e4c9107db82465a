// A page on one sheet of A4: drawn as it will be printed, and made smaller until it fits, as far as it can still be read.
(() => {
  const WIDTH = 718, HEIGHT = 1045, LEAST = 0.5, root = document.documentElement;
  let theme = '';
  const height = () => document.querySelector('main')?.scrollHeight ?? 0;
  addEventListener('beforeprint', () => {
    theme = root.dataset.theme;
    root.dataset.theme = 'light';
    root.classList.add('printing');
    for (let scale = 1; ; scale -= 0.02) {
      root.style.setProperty('--print-scale', scale);
      root.style.setProperty('--print-width', `${WIDTH / scale}px`);
      if (height() * scale <= HEIGHT || scale - 0.02 < LEAST) break;
    }
  });
  addEventListener('afterprint', () => {
    root.classList.remove('printing');
    root.dataset.theme = theme;
  });
  document.addEventListener('click', (event) => event.target.closest?.('[data-print]') && print());
})();
